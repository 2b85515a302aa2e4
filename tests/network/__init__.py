"""What becomes of calls whose connections break: a proxy that breaks them, and tables of how."""
