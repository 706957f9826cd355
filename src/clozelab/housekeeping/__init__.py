"""Looking after what runs leave on the disk: listing them, and freeing what nobody needs. Free of torch."""
