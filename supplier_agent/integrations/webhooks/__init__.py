"""Webhooks: programs of the user are told what happens to orders and suppliers.

    changes     what was published and what is now -> the events to tell. Pure
    feed        after each turn of the loop: finds changes, stores events, and owes the calls that send them
    receiver    makes the signed request
    deliveries  what the commands show and do: list, replay; and what is removed after a while

The calls themselves are in calls/webhook.py.
"""
