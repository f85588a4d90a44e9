// `npm run broker`: a Kafka broker to try things on. The first line names it; it runs until it is stopped, and keeps
// nothing.
import { brokerMissing, startBroker } from '../test/broker/broker.mjs';

const missing = await brokerMissing();
if (missing) {
  console.error(missing);
  process.exit(1);
}
if (process.env.KAFKA_BROKERS) {
  console.log(JSON.stringify({ brokers: process.env.KAFKA_BROKERS.split(',') }));
} else {
  const broker = await startBroker();
  console.log(JSON.stringify({ brokers: broker.brokers }));
  const idle = setInterval(() => {}, 1 << 30);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, async () => {
      clearInterval(idle);
      await broker.stop();
    });
  }
}
