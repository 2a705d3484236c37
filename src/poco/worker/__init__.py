"""The worker: what turns a task into a result."""
