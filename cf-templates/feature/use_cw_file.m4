divert(-1)
ifdef(`_cw_file_', `', `define(`_cw_file_', 1)_into_(100)Fw`'confCW_FILE
_back_()')
