# Commands for gdb (gdb -x skas.gdb): att PID|NAME goes to a sleeping task of the UML kernel, det comes back; uatt PID attaches a process of the guest.

# Of a sleeping task gdb reads some hundred bytes of its stack: in one piece rather than in three or four.
set dcache line-size 512

define att
  if $argc != 1
    error att PID or att NAME: which task?
  end
  monitor switch $arg0
  maintenance flush register-cache
end
document att
Switch to a sleeping task of the UML kernel: att PID or att NAME.
You are on its stack then, as that task: look around, step, call functions. det goes back to exactly where the kernel was, as does continue.
end

define det
  monitor det
  maintenance flush register-cache
end
document det
Go back from the task that att went to, to exactly where the kernel was.
end

# With Python gdb's thread follows; without it, select it yourself (thread find PID).
python
import re

def skas_monitor(command):
    try:
        return gdb.execute("monitor " + command, to_string=True)
    except gdb.error:
        # The text of a failure is only shown: again, this time to be seen.
        try:
            gdb.execute("monitor " + command)
        except gdb.error:
            pass
        raise gdb.GdbError("nothing was switched")

def skas_select(pid):
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("info threads", to_string=True)
    for thread in gdb.selected_inferior().threads():
        if thread.name and thread.name.endswith("[%s]" % pid):
            thread.switch()
            gdb.execute("frame")
            return

class Att(gdb.Command):
    """Switch to a sleeping task of the UML kernel: att PID or att NAME.
You are on its stack then, as that task: look around, step, call functions. det goes back to exactly where the kernel was, as does continue."""

    def __init__(self):
        super().__init__("att", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        text = skas_monitor("switch " + argument)
        print(text.split(": ")[0] + ".")
        skas_select(re.search(r"\[(\d+)\]", text).group(1))

class Det(gdb.Command):
    """Go back from the task that att went to, to exactly where the kernel was."""

    def __init__(self):
        super().__init__("det", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        text = skas_monitor("det")
        print(text, end="")
        skas_select(re.search(r"\[(\d+)\]", text).group(1))

class Uatt(gdb.Command):
    """Attach a process of the guest as an inferior of its own: uatt PID (after target extended-remote).
From then on kernel and processes are resumed together (set schedule-multiple on)."""

    def __init__(self):
        super().__init__("uatt", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        text = gdb.execute("monitor attachable " + argument, to_string=True)
        if not text.startswith("yes"):
            raise gdb.GdbError(text.strip())
        gdb.execute("set schedule-multiple on")
        before = gdb.selected_inferior().num
        added = re.search(r"inferior (\d+)", gdb.execute("add-inferior", to_string=True)).group(1)
        gdb.execute("inferior " + added, to_string=True)
        try:
            gdb.execute("attach " + argument)
        except gdb.error:
            gdb.execute("inferior %d" % before, to_string=True)
            gdb.execute("remove-inferiors " + added)
            raise

Att()
Det()
Uatt()
end
