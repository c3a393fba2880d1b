"""Carriers: whether a reported parcel was ever scanned. Off unless a supplier has a section like `[suppliers.X.laposte]`.

protocol.py  what a carrier's file says: its requests, and what its answers mean
laposte.py, dhl.py, ups.py, fedex.py   one for each carrier; each names the version of the API
oauth.py     the answer with an access token (UPS, FedEx)
client.py    `last_scan`: the requests of one supplier's account, `SUPPLIER/CARRIER`
"""
