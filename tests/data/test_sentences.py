"""Where sentences end. In the cases a bar stands where the text is cut."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.sentences import DENSE_MARKS, MARKS, split_sentences

CASES = """
He left.|She stayed.|So it goes
Really?!|Yes!!|No way.
Sales rose 5%.|$3m was paid.|2004 was better.
It rose by 3.5 points to 1,000.5.|Cheap!
I like node.js and .NET.|They work.
See https://example.com/a.html?x=1.|Or www.bbc.co.uk.|Now.
It was late. iPhone sales rose.
He didn't.|Peter did.
Mr. Smith met Dr. Jones and Gen. Grant.|They talked.
We saw St. Louis vs. Chicago, cf. The Times, i.e. The paper.
Apples, pears, etc.|The list goes on.
He works at Apple Inc.|It pays, and Warner Bros. Pictures does not.
He lives in the U.S.|The weather is good in the U.S. Army.
We met at 5 p.m.|He was late, at 6 p.m. Monday.
She earned a Ph.D.|In 2004 she left.
J. K. Rowling and J.R.R. Tolkien wrote.|W. H. Auden did not.
So am I.|But it is plan B. Peter disagrees.
No. 5 is alive; see Fig. 3, pp. 5, and Sept. 11.|No.|He said no.
1. A list's item.|2. Another one.
A. The first.
"Stop!" he said.|"Why?"|Peter left.
He said: "Go."|“Why?”|‘Now?’|(She stayed.)|[Nobody came.]
He (the boss?) left (!) Berlin.
It was "the end".|Then (in the U.S.) Army men came.
Well... maybe.|Well...|That is it.|Yes…|No.
… and so on.|The end.
He left [...] The rest (…) Too.
A footnote.[1]|The next one.[2][3]|The end.
Great!|😀 I like it.|#Winning, @Bob.|• A bullet.|– Dash.
Er kam am 3. Oktober 1990 um 10 Uhr.|Es war der 2. Weltkrieg, am 12. 5. 1940.
Er rief: „Komm!“|Sie kam.|»Nein.«|Er ging, z. B. Äpfel, d.h. Birnen usw.|Der Rest.
Il est parti.|« Viens ! » dit-il.|« Oui. »|M. Dupont resta.|Quoi ?|Rien.
¿Qué tal?|¡Bien!|Adiós, Sr. López.
Он ушёл.|Она осталась.|А. С. Пушкин жил в г. Москва.
Θα έρθει.|Ναι!
ذهب الرجل.|هل عاد؟|نعم.
यह एक वाक्य है।|यह दूसरा है।
그는 갔다.|그녀는 남았다.
He came .|She left .|It is 3 @.@ 5 m long , see p . 5 .|It is blue @-@ green .
He said .|" I left . "|She stayed , " I . "|" We too ! "|They had .
She came ( with him . )|He left [ again . ]|He wrote ' yes . '|The end .
Washington , D.C. .|U.S. Route 5 , no . 7 . ...|And on .|He left . . .|She too .
"""

DENSE_CASES = """
他走了。|她留下了。|你好吗？
他说：“你好！|我走了。”|“真的？”|再见！
他说："你好。"|她走了。|"再见。"|完
「行こう！」と言った。|『はい。』|彼は去った。
数は３．５です．|次｡|終わり
什么？！|好！，对。
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_sentences_end_where_a_reader_ends_them(case: str) -> None:
    assert split_sentences(case.replace("|", " ")) == case.split("|")
    assert split_sentences(case.replace("|", "\u00a0 ")) == case.split("|")


@pytest.mark.parametrize("case", DENSE_CASES.strip().splitlines())
def test_chinese_and_japanese_sentences_need_no_space_between_them(case: str) -> None:
    assert split_sentences(case.replace("|", "")) == case.split("|")


def test_a_line_end_ends_a_sentence_and_empty_lines_vanish() -> None:
    assert split_sentences("A title\n\n  and a line \r\n \t\nHe left. She\nstayed.\n") == [
        "A title", "and a line", "He left.", "She", "stayed."
    ]  # fmt: skip
    assert split_sentences("") == split_sentences(" \n\u2028 ") == []


PIECES = st.sampled_from(
    [*MARKS, *DENSE_MARKS, *"\"'()[]“”«»」aAZ5 と他\n\u00a0@-", " . ", ' " ', "The ", "Mr", "U.S", "[1]"]
)


@given(text=st.text() | st.lists(PIECES, max_size=40).map("".join))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


@given(text=st.lists(PIECES, max_size=40).map("".join))
def test_every_sentence_that_is_cut_off_has_a_letter_or_a_digit(text: str) -> None:
    for line in text.splitlines():
        assert all(any(map(str.isalnum, sentence)) for sentence in split_sentences(line)[:-1])


@pytest.mark.parametrize(
    "piece",
    [".", '."', ". ", "( . ", ".[1", "。", "J. ", 'x . " ', ". \" ' ", ". " + " " * 99, "a.", ".) x ", "1. ", "。 "],
)
def test_no_line_takes_more_than_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        split_sentences(text)
        return time.process_time() - start

    assert seconds(800_000) < 0.5 + 40 * seconds(80_000)  # quadratic: 100
