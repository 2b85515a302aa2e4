"""Install the requirements that tox passes, each in the lowest version that setup.cfg allows."""

import runpy
import sys

sys.argv[1:] = ["install", *(argument.replace(">=", "==") for argument in sys.argv[1:])]
runpy.run_module("pip", run_name="__main__")
