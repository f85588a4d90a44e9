// Copies a topic with Kafka Streams under exactly_once_v2: one thread, no state, bytes as they are. Each pass reads the
// topic from its start as a new application, in one virtual machine, so that the measured ones run compiled code.
// java -Dtopic=… -cp 'lib/*' Hop.java     (streams.mjs sets all of the properties)
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

public final class Hop {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** What one pass took, from its first assignment to its last record. */
  private static final class Pass {
    final int records;
    final int size;
    final CountDownLatch done = new CountDownLatch(1);
    long moved;
    long nanoseconds;
    long processor;

    Pass(int records, int size) {
      this.records = records;
      this.size = size;
    }

    synchronized void begin() {
      if (nanoseconds != 0) return;
      nanoseconds = -System.nanoTime();
      processor = -SYSTEM.getProcessCpuTime();
    }

    /** Counts a record. Returns whether the transaction has as many as it should. */
    synchronized boolean count() {
      moved++;
      if (moved == records) {
        nanoseconds += System.nanoTime();
        processor += SYSTEM.getProcessCpuTime();
        done.countDown();
      }
      return moved % size == 0;
    }
  }

  /** Passes records on and asks for a commit after every so many, whatever their partition. */
  private static final class Copy implements Processor<byte[], byte[], byte[], byte[]> {
    private final Pass pass;
    private ProcessorContext<byte[], byte[]> context;

    Copy(Pass pass) {
      this.pass = pass;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      pass.begin();
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      context.forward(record);
      if (pass.count()) context.commit();
    }
  }

  public static void main(String[] arguments) throws Exception {
    int records = Integer.getInteger("records");
    int warm = Integer.getInteger("warm");
    int passes = Integer.getInteger("passes");
    double processor = 0;
    double nanoseconds = 0;
    double commits = 0;
    for (int i = 0; i < warm + passes; i++) {
      Pass pass = new Pass(records, Integer.getInteger("size"));
      double committed = run(pass, System.getProperty("group") + "-" + i);
      if (i < warm) continue;
      processor += pass.processor;
      nanoseconds += pass.nanoseconds;
      commits += committed;
    }
    double moved = (double) records * passes;
    System.out.printf(
        "{\"microseconds\":%f,\"perSecond\":%f,\"batch\":%f}%n",
        processor / 1000 / moved, moved / (nanoseconds / 1e9), moved / commits);
  }

  /** Runs one pass. Returns how often it committed. */
  private static double run(Pass pass, String application) throws InterruptedException {
    Topology topology = new Topology();
    topology.addSource("source", System.getProperty("topic"));
    topology.addProcessor("copy", () -> new Copy(pass), "source");
    topology.addSink("sink", System.getProperty("target"), "copy");
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("brokers"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    // Only what the records ask for, at the pace of the other loops.
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 5000);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("folder"));
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    try (KafkaStreams streams = new KafkaStreams(topology, properties)) {
      streams.setUncaughtExceptionHandler(error -> {
        error.printStackTrace();
        System.exit(1);
        return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
      });
      streams.start();
      pass.done.await();
      return streams.metrics().values().stream()
          .filter(metric -> metric.metricName().name().equals("commit-total"))
          .filter(metric -> metric.metricName().group().equals("stream-thread-metrics"))
          .mapToDouble(metric -> (double) metric.metricValue())
          .sum();
    }
  }
}
