"""The warehouse page: scan, print, mark as shipped. It records facts and sets flags, and never calls the marketplace.

process    the page's process               app            which address is answered by whom
listener   sockets, and their limits        auth, people   who may come in; names and PINs
peers      addresses, and wrong PINs        request        one visit, its cookie and language
scan_page, documents, problems_page         the pages themselves
order_view, lists                           what the pages show of orders
answers    each form is answered once       view           templates and sentences
"""
