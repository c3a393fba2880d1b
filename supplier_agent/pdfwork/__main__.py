"""The working process itself: python -m supplier_agent.pdfwork."""

from supplier_agent.pdfwork.process import main

main()
