"""What this machine has, and whether it is what runs need. Free of torch: its import may be what fails."""
