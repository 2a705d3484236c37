"""poco: an iExec-compatible marketplace for computation.

The package is light to import: nothing here touches the chain, the network or the disk.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
