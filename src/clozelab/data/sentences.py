"""Where the sentences of a text end. Rules, not a model: gigabytes pass through, and nothing has to be fetched.

What no rule decides well stays uncut: two sentences in one do less harm to next sentence prediction than half of one.
"""

import re
from collections.abc import Iterator

MARKS = ".!?…‥‼⁇⁈⁉‽؟۔।॥։።፧។៕။"
"""End a sentence where white space follows."""
DENSE_MARKS = "。！？｡．"
"""End a sentence whatever follows: Chinese and Japanese write no spaces."""
CLOSERS = re.escape(")]}›»”’」』】》〉）］｝")
QUOTES = "\"'“„‘‹«"
"""Close a quotation where they touch the mark before them, in one language or another."""
OPENERS = (
    re.escape("\"'“”„‘’‚‹›«»([{¿¡「『【《〈（［｛$£€¥₹#@*•·–—-_\u200e\u200f") + "\u2600-\u27bf\U0001f000-\U0001faff"
)

END = re.compile(
    rf"(?=[{MARKS}{DENSE_MARKS}])"  # says nothing new, but lets the search skip quickly to the next mark
    rf"(?:[{DENSE_MARKS}](?<!\d．(?=\d))[{MARKS}{DENSE_MARKS}]*+[{CLOSERS}]*+"
    # A footnote [1], and tokenised text: `[ He left . ]`, `. . .`
    rf"|(?P<mark>[{MARKS}]++)[{MARKS}{CLOSERS}{QUOTES}]*+(?:\[\d+\])*+(?P<more>(?:\s++[{MARKS}{CLOSERS}]++(?!\S))*+))"
)
"""A possible end. Nothing in it is tried twice: a line of a million marks takes no quadratic time."""
NEXT = re.compile(rf"\s++(?:[{OPENERS}]\s*+)*+(?P<word>[^\W_]++)(?P<dot>\.(?!\S))?")
GOES_ON = re.compile(r"[，、；：,;:…—～]|(?<=[」』”])(?:と|って)")
"""Behind a dense mark: the sentence does not end yet. The Japanese particle reports what was quoted."""
LONE_QUOTE = re.compile(r"\s++([\"'])(?!\S)")
WORD = re.compile(r"[^\W_][\w.'’]*\Z")
LETTER = re.compile(r"[^\W_]")
"""Or a digit: what makes a sentence of marks."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER = _words(
    "Mr Mrs Ms Mx Messrs Dr Drs mr mrs dr Prof prof Rev Hon Gen Brig Col Maj Capt Cmdr Cdr Lt Sgt Cpl Pvt Adm Gov Sen "
    "Rep Supt Insp Mme Mmes Mlle MM Hr Hrn Fr Frl Dipl Ing med phil jur rer nat Sra Srta Sig Dott dhr mevr Mt Ft av "
    "e.g i.e eg ie cf vs viz esp incl approx ca z.B d.h bzw vgl sog ул им акад проф"
)
"""Abbreviations that stand before something, so that no sentence ends with them."""
SELDOM = _words(
    "St Ste Ave Blvd Rd Inc Ltd Co Corp Cos Bros LLC plc Jr Sr Esq etc al Dept Univ Assn Intl Mfg est ed eds trans "
    "feat Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mich Minn Mo Mont Neb Nev Okla Ore Pa Penn "
    "Tenn Tex Va Vt Wash Wis Wyo usw usf Std Mio Mrd Abb Str Jh Chr Ud Uds"
)
"""Abbreviations that end a sentence only before one of `STARTERS`; so do initials, and the likes of U.S. and a.m."""
BEFORE_NUMBER = _words(
    "No Nos no nos Nr nr pp Pp Vol Vols vol vols Fig Figs fig figs Eq Eqs Sec Sect Ch Chap Art Abs Abt Bd Kap Ziff "
    "Op op Pt Tab Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Okt Dez"
)
STARTERS = _words(
    "The A An This That These Those He She It They We I You His Her Its Their Our My Your There Here "
    "In On At By For From With Without As If When While Where After Before Since During Until Although Though Because "
    "Despite Under Over Among Between About But And Or Yet Nor However Meanwhile Moreover Furthermore Then Thus "
    "Therefore Also Instead Once Both Each Every Many Most Some Several All Another Other Such One Two Not Now Today "
    "What Who Why How Which Whether Is Are Was Were Do Does Did Has Have Had Can Could Will Would Should Mr Mrs Ms "
    "Der Die Das Dies Diese Dieser Ein Eine Er Sie Es Wir Ich Im Am Bei Mit Nach Auch Doch Aber Und Als Wenn "
    "Les Il Elle Ils Elles Une Ce Cette Mais"
)
"""Words that begin sentences more often than names."""
AFTER_ORDINAL = _words(
    "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember "
    "Jahrhundert Jahrhunderts Jahrtausend Jahrtausends Weltkrieg Weltkriegs Weltkrieges"
)
"""Words behind a German ordinal number, which is written with a full stop."""


def split_sentences(text: str) -> list[str]:
    """Returns the sentences of a text in order, stripped; nothing but white space is lost.

    A line end always ends a sentence. Inside a line a mark does, with the quotation marks and brackets it closes,
    before something that can begin a sentence. The spaced marks of tokenised text (`He left . She stayed .`) do too.

    Args:
        text: of any length and language.
    """
    sentences = []
    for line in text.splitlines():
        start = 0
        for end in _ends(line):
            sentences.append(line[start:end].strip())
            start = end
        sentences.append(line[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends(line: str) -> Iterator[int]:
    """Yields where the sentences of a line end, but for the last one."""
    start = checked = 0
    quotations = {'"': _Parity(line, '"'), "'": _Parity(line, " ' ")}
    for match in END.finditer(line):
        end = match.end()
        if match["mark"] is None:
            if line.startswith('"', end) and quotations['"'].is_odd(end):
                end += 1
            if GOES_ON.match(line, end):
                continue
        else:
            while (quote := LONE_QUOTE.match(line, end)) and quotations[quote[1]].is_odd(end):
                end = quote.end()
            follows = NEXT.match(line, end)
            if follows is None or follows["word"][0].islower() or not _is_end(line, start, match, follows):
                continue
        if LETTER.search(line, checked, match.start()):
            yield end
            start = checked = end
        else:
            checked = match.start()  # nothing is looked at again: a line may hold marks alone


class _Parity:
    """Whether a quotation is open at a place of a line; the places asked for ascend."""

    def __init__(self, line: str, mark: str) -> None:
        self.line = line
        self.mark = mark
        self.counted = 0
        self.odd = False

    def is_odd(self, place: int) -> bool:
        """Returns whether an odd number of marks stand before a place."""
        self.odd ^= self.line.count(self.mark, self.counted, place) % 2 == 1
        self.counted = place
        return self.odd


def _is_end(line: str, start: int, match: re.Match[str], follows: re.Match[str]) -> bool:
    """Returns whether a mark does end a sentence: it is in no brackets of its own, and no part of an abbreviation."""
    before = line[max(start, match.start() - 16) : match.start()]
    if before.rstrip().endswith(("(", "[")):  # what was left out, or is doubted: `[ ... ]`, `(!)`
        return False
    if match["mark"] != "." or match["more"] or not (found := WORD.search(before.rstrip())):
        return True
    word, coming = found[0], follows["word"]
    if before[-1:].isspace():  # tokenised text leaves abbreviations their full stops, but for `p . 5`
        return not (coming.isdigit() and (word in BEFORE_NUMBER or (len(word) == 1 and word.islower())))
    if word in NEVER:
        return False
    if word.isdigit():
        in_date = coming in AFTER_ORDINAL or (coming.isdigit() and (follows["dot"] or len(coming) == 4))
        return not (len(word) <= 2 and in_date) and before.strip() != word  # a list's item
    if word in BEFORE_NUMBER:
        return not coming.isdigit()
    if word in SELDOM or _is_initials(word):
        is_item = len(word) == 1 and before.strip() == word
        return coming in STARTERS and not follows["dot"] and not is_item
    return True


def _is_initials(word: str) -> bool:
    """Returns whether a word is a letter of an alphabet, or some with full stops between them: J, U.S, Ph.D."""
    if len(word) > 1 and "." not in word:
        return False
    return all(len(part) <= 2 and part.isalpha() and part[0] < "ᄀ" for part in word.split("."))
