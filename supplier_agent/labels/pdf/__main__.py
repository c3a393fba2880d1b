"""The worker process: python -m supplier_agent.labels.pdf."""

from supplier_agent.labels.pdf.process import main

main()
