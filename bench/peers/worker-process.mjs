/** The worker of pm2 and of cluster: the imports of a real service, and its process id for who asks. */
import 'xstate';
import 'yaml';
import { createServer } from 'node:net';

createServer((socket) => {
  socket.on('error', () => undefined);
  socket.end(String(process.pid));
}).listen(Number(process.env.PEER_PORT), '127.0.0.1');
