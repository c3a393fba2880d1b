"""The GraphQL operations that Shopify is asked, each once and by its name. Pure."""

_ORDER = (
    "id name sourceIdentifier createdAt updatedAt cancelledAt displayFulfillmentStatus "
    "customAttributes { key value } fulfillments(first: 5) { status }"
)
"""Without names and addresses: those of the shop's own customers are never read."""
_PAGE = f"{{ nodes {{ {_ORDER} }} pageInfo {{ hasNextPage endCursor }} }}"
QUERIES = {
    "findOrders": "query findOrders($first: Int!, $query: String!) "
    f"{{ orders(first: $first, query: $query, sortKey: CREATED_AT) {_PAGE} }}",
    "changedOrders": "query changedOrders($first: Int!, $query: String!, $after: String) "
    f"{{ orders(first: $first, query: $query, after: $after, sortKey: UPDATED_AT) {_PAGE} }}",
    "newestOrders": "query newestOrders($first: Int!, $after: String) "
    f"{{ orders(first: $first, after: $after, sortKey: CREATED_AT, reverse: true) {_PAGE} }}",
    "findVariant": "query findVariant($first: Int!, $query: String!) { shop { currencyCode } "
    "productVariants(first: $first, query: $query, sortKey: ID) { nodes { id sku product { id title status } } } }",
    "anOrder": "query anOrder { orders(first: 1) { nodes { id } } }",
    "aVariant": "query aVariant { productVariants(first: 1) { nodes { id } } }",
    "accessScopes": "query accessScopes { currentAppInstallation { accessScopes { handle } } }",
    "createOrder": "mutation createOrder($order: OrderCreateOrderInput!, $options: OrderCreateOptionsInput) "
    f"{{ orderCreate(order: $order, options: $options) {{ order {{ {_ORDER} }} userErrors {{ code field message }} }} }}",
}
"""Every operation, by its name."""
