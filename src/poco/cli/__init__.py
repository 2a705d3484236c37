"""The command `poco`; each sub-command is a module of this package, imported when it is used."""
