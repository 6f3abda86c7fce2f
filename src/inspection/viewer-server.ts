/**
 * Serves viewers over WebSocket, on the loopback interface alone. Viewers only listen: what they send is
 * ignored, one that does not keep up is dropped, and none of them keeps the process alive.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { GraceError, toErrorRecord } from '../core/errors.ts';

const address = '127.0.0.1';
const viewersMax = 16;
/** Longest message of a viewer, bytes. */
const payloadMax = 65_536;
/** Unsent bytes at which a viewer is dropped. */
const backlogMax = 16 * 1_048_576;
/** How long viewers have to say goodbye, ms. */
const goodbyeMs = 200;

/** The page of the Stately inspector, and pages of this machine. */
const allowedOrigin = /^(https:\/\/stately\.ai|https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?)$/;

export class ViewerServer {
  readonly #http: Server;
  readonly #upgrader = new WebSocketServer({ noServer: true, maxPayload: payloadMax });
  /** What a viewer is told first, as JSON texts. */
  readonly #greeting: () => readonly string[];

  #port = 0;

  private constructor(greeting: () => readonly string[]) {
    this.#greeting = greeting;
    this.#http = createServer((_, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
      response.end('Connect with WebSocket: this port speaks the protocol of @statelyai/inspect.\n');
    });
    this.#http.on('connection', (socket: Socket) => socket.unref());
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => undefined);
      try {
        this.#upgrade(request, socket, head);
      } catch {
        socket.destroy();
      }
    });
    this.#http.unref();
  }

  /** @throws GRACE_INSPECTOR_UNAVAILABLE */
  static async listen(port: number, greeting: () => readonly string[]): Promise<ViewerServer> {
    const server = new ViewerServer(greeting);
    await new Promise<void>((listening, reject) => {
      server.#http.once('error', (error) => reject(unavailable(port, error)));
      server.#http.listen({ port, host: address, exclusive: true }, listening);
    });
    server.#port = (server.#http.address() as AddressInfo).port;
    // An error of the listening socket later on must not become one of the host.
    server.#http.on('error', () => undefined);
    return server;
  }

  /** The one it got, also while it closes. */
  get port(): number {
    return this.#port;
  }

  get hasViewers(): boolean {
    return this.#upgrader.clients.size > 0;
  }

  /** Never waits: a viewer that is far behind is dropped. */
  broadcast(text: string): void {
    for (const viewer of this.#upgrader.clients) {
      if (viewer.bufferedAmount > backlogMax) viewer.terminate();
      else if (viewer.readyState === WebSocket.OPEN) viewer.send(text);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#http.close(resolve);
    });
    const viewers = this.#upgrader.clients;
    for (const viewer of viewers) viewer.close(1001, 'the runtime has stopped');
    const hurry = setTimeout(() => {
      for (const viewer of viewers) viewer.terminate();
      this.#http.closeAllConnections();
    }, goodbyeMs);
    await closed;
    clearTimeout(hurry);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refused = this.#whyRefused(request);
    if (refused !== undefined) {
      const answer = `HTTP/1.1 ${refused}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
      socket.end(answer, () => socket.destroy());
      return;
    }
    this.#upgrader.handleUpgrade(request, socket, head, (viewer) => {
      viewer.on('error', () => undefined);
      for (const text of this.#greeting()) viewer.send(text);
    });
  }

  /** A page of another site can reach this port too, under its own name or under one it made point here. */
  #whyRefused({ headers: { host, origin } }: IncomingMessage): string | undefined {
    const { port } = this;
    const isOurs = [address, 'localhost', '[::1]'].some((name) => host?.toLowerCase() === `${name}:${port}`);
    if (!isOurs) return '403 Forbidden';
    if (origin !== undefined && !allowedOrigin.test(origin)) return '403 Forbidden';
    if (this.#upgrader.clients.size >= viewersMax) return '503 Service Unavailable';
    return undefined;
  }
}

function unavailable(port: number, cause: unknown): GraceError {
  const { code, message } = toErrorRecord(cause);
  const why = code === 'EADDRINUSE' ? 'another process or runtime has it' : message;
  return new GraceError(
    'GRACE_INSPECTOR_UNAVAILABLE',
    `The inspector cannot listen on ${address}:${port}: ${why}. Take another port with inspect: { port }, ` +
      'or 0 for any free one.',
    { cause, details: { port, code } },
  );
}
