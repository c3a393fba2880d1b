"""What people and programs are shown of the state: status, orders, problems, signs of life. They only read."""
