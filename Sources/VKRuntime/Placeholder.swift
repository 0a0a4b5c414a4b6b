// placeholder, replaced with the module's first file
