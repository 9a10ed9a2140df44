"""Settings of all tests."""

import os

from hypothesis import settings

# No deadline: a loaded machine is no fault. In CI every run tries the same examples.
settings.register_profile("fieldpost", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("fieldpost")
