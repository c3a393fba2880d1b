"""The working process itself: python -m supplier_agent.labels.pdf."""

from supplier_agent.labels.pdf.process import main

main()
