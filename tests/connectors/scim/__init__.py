"""The SCIM connector against scim2-server, and against services that are peculiar."""
