"""Other sides than the marketplace: their requests and answers as typed values. Each is imported only where it is switched on."""
