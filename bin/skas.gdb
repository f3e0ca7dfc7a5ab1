# Commands for gdb (gdb -x skas.gdb): att PID|NAME goes to a sleeping task of the UML kernel, det comes back.

define att
  if $argc != 1
    error att PID or att NAME: which task?
  end
  monitor switch -a $arg0
  # The answer is the stop in that task; nothing moves.
  stepi
end
document att
Switch to a sleeping task of the UML kernel: att PID or att NAME.
Stops on its stack, as that task: look around, step, call functions. det goes back to exactly where the kernel was, as does continue.
end

define det
  monitor det -a
  stepi
end
document det
Go back from the task that att went to, to exactly where the kernel was.
end
