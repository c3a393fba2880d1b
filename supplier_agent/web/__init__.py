"""The warehouse page: scan, print, shipped. It states facts and sets flags, and never calls the marketplace.

server    listens, in a thread of its own          scanning  what a scan does: show, flag, undo, or why not
app       which address is answered by whom        answers   the four answers: green, blue, yellow, red
door      who may come in, and from where          board     the order on the screen, as the templates show it
desk, sheets, office, front   the pages themselves lists     what is to be shipped, cheaply
people, cookie   PINs, and the signed cookie       trouble   what needs a person, in plain words
wording   the languages
"""
