import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from '@jest/globals';
import { hasProgram } from './packages.js';
import { withRedis } from './redis.js';

const onMachineWithRedis = hasProgram('redis-server') ? test : test.skip;

onMachineWithRedis('a Redis is there while the work runs, and gone after it', async () => {
  let port = 0;
  await withRedis(async (url) => {
    port = Number(new URL(url).port);
    const socket = net.connect(port, '127.0.0.1');
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toBe('+PONG\r\n');
    socket.destroy();
  });
  const socket = net.connect(port, '127.0.0.1');
  await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
