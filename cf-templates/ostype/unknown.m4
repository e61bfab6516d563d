divert(-1)
#
# No system at all. It is here so that a configuration says so aloud.
#
_fault_(`You have not specified a valid operating system type.	Use the OSTYPE macro to select a valid system type.  This	is necessary in order to get the proper pathnames and flags	appropriate for your environment.')
divert(-1)
