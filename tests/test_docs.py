"""README and docs do what they say: every example runs, and everything that users can name is in them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mockidp import MockIdp
from mockidp.seed.load import check_files
from tests.docs_examples import (
    DOCUMENTS,
    LANGUAGES,
    ROOT,
    Block,
    all_blocks,
    blocks,
    pytest_run,
    python,
    run,
    write_files,
)
