"""A directory over LDAP: OpenLDAP and its like, or Active Directory."""
