"""Calls whose connections break: the faults, and tables of what a page is answered."""
