"""Reports: what is known of orders, suppliers and the installation, loaded and judged for every surface. Reads, never writes."""
