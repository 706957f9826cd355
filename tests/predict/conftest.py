"""The tiny encoders of tests/model, for exports of other architectures than BERT."""

import importlib.util
from pathlib import Path

_PATH = Path(__file__).parents[1] / "model" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("tests_model_conftest", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
encoder_folder = _MODULE.encoder_folder
