"""What a supplier's own WhatsApp bot (BusinessOnBot) may ask: one order, and that an order be held. It records, and calls nobody.

routes    the addresses, and who may ask; imported only if a supplier has `answer_requests`
asking    one order: what is answered, and a request to cancel it
bodies    the documented bodies of answers
"""
