"""What a call flow is: text, document, table, findings, picture, edits. Pure, without any I/O."""
