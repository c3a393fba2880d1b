"""The warehouse page: scan, print, mark as shipped. It records facts and sets flags, and never calls the marketplace.

process    the page's process               app            routes and their handlers
listener   sockets, and their limits        auth, people   sign-in and access; names and PINs
peers      addresses, and wrong PINs        request        one request, its cookie and language
scan_page, documents, problems_page         the pages themselves
order_view, lists                           what the pages show of orders
api, keys  the same for programs, over HTTP; their keys
answers    each form is handled once; templates and sentences
"""
