"""The worker process: python -m supplier_agent.labels.pdfwork."""

from supplier_agent.labels.pdfwork.process import main

main()
