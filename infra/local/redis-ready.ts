import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { redisPassword } from './credentials.ts';
import { paths } from './layout.ts';

/** Returns whether Redis serves commands, because it accepts connections before it has loaded its file. */
export const redisAnswers = (port: number) => (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: readFileSync(paths.authority),
      servername: 'localhost',
      timeout: 1_000,
    });
    const done = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    let reply = '';
    socket.once('secureConnect', () => socket.write(`AUTH probe ${redisPassword('probe')}\r\nPING\r\n`));
    socket.on('data', (data) => {
      reply += data;
      if (reply.includes('+PONG')) done(true);
      else if (/^-|\n-/.test(reply)) done(false);
    });
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
    socket.once('close', () => done(false));
  });
