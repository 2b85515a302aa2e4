"""Tests of calls that fail: the faults, and tables of the answers to the page."""
