"""The user's own code on the simulated clock: evaluated in a process beside that of the run.

Whatever ends that process (`os._exit`, a segmentation fault, the kernel out of memory) costs the
evaluation that it was at; the next one has a new process. There is one for each thread that runs
studies, started when it is needed first and kept from run to run. Training states travel as bytes,
which outlive it; one that cannot be pickled stays there, and is lost with it.

The two speak over a socket: a verb with what it is about, and one reply. Before a run the process
is given the environment, the folder and the standard output and error of this one.
"""
