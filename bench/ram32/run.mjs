// node run.mjs MICROPYTHON.mjs FOLDER SUBJECT ram|alloc|main NAMES: figures of a 32-bit heap, as
// JSON; `main` is what the subject finds by itself.
// FOLDER holds the compiled code and fake.mpy. The VM's table of names grows in steps of up to
// 2 KB, which hit whoever comes at it: NAMES are so many names that are there before.
import fs from 'fs';

const [, , program, folder, subject, task, names] = process.argv;
const { loadMicroPython } = await import(program);
const vm = await loadMicroPython({
  heapsize: 1024 * 1024,
  stdout: (line) => console.log(line),
  linebuffer: true,
});

function copy(from, to) {
  vm.FS.mkdirTree(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [from, to].map((path) => `${path}/${entry.name}`);
    if (entry.isDirectory()) copy(source, target);
    else if (entry.name.endsWith('.mpy')) vm.FS.writeFile(target, fs.readFileSync(source));
  }
}

copy(folder, '/code');
vm.runPython(`
import sys
sys.path.insert(0, '/code')
import fake, json, gc
# The VM's own modules are no part of what is measured.
import asyncio, binascii, collections, errno, micropython, os, random, struct, time
for name in ('Event', 'Lock', 'create_task', 'wait_for', 'current_task'):
    getattr(asyncio, name, None)
for i in range(${names}):
    hasattr(sys, 'name%d' % i)
used = 0
def look():
    global used
    used = gc.mem_alloc()
`);

// gc.collect() takes effect when the outermost call has returned: collect in one, read in the next.
function used() {
  vm.runPython('gc.collect()');
  vm.runPython('gc.collect()');
  vm.runPython('look()');
  return vm.globals.get('used');
}

if (task === 'ram') {
  const before = used();
  vm.runPython(`import ${subject}`);
  console.log(`@${JSON.stringify({ ram: used() - before })}`);
} else if (task === 'main') {
  vm.runPython(`import ${subject}\n${subject}.main()`);
} else {
  vm.runPython(`
import peers.${subject}
print('@' + json.dumps(fake.allocations(peers.${subject})))
`);
}
