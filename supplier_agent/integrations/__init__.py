"""Clients of receivers other than the supplier API, one package each. Imported only if they are switched on."""
