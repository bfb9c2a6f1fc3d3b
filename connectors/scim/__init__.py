"""SCIM 2.0 (RFC 7643, RFC 7644): accounts and roles of one application, whoever made it."""
