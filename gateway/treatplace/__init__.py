"""The treat place's books: encounters, fee lines with their splits, and charge batches."""
