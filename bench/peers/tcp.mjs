/** A client of a worker process: asks over TCP who it is, until somebody answers. */
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** Resolves with the process id of a worker that is not `former`. */
export async function whoAnswers(port, former) {
  for (;;) {
    const pid = await ask(port);
    if (pid !== undefined && pid !== former) return pid;
    await pause(1);
  }
}

/** One try: undefined when nobody listens, or who listened died. */
function ask(port) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(answer === '' ? undefined : Number(answer)));
  });
}
