"""What is reached in a browser beside the chat: articles for knowledge admins, the step-up page, the sandbox inbox."""
