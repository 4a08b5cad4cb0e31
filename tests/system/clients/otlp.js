// otlp.js KIND URL COMPRESSION TOKEN: exports a gauge, whose value is the number of its export, until its input ends. Prints the
// number of each export that succeeded.
const {MeterProvider, PeriodicExportingMetricReader} = require('@opentelemetry/sdk-metrics');
const [kind, url, compression, token] = process.argv.slice(2);
const {OTLPMetricExporter} = require(`@opentelemetry/exporter-metrics-otlp-${kind}`);

const exporter = new OTLPMetricExporter({url, compression, timeoutMillis: 30000, headers: {Authorization: `Bearer ${token}`}});
let exports_ = 0;
const counting = {
  export(metrics, done) {
    const number = exports_;
    exporter.export(metrics, result => {
      console.log(result.code === 0 ? number : `failed ${number} ${result.error}`);
      done(result);
    });
  },
  forceFlush: () => exporter.forceFlush(),
  shutdown: () => exporter.shutdown(),
  selectAggregationTemporality: type => exporter.selectAggregationTemporality(type),
  selectAggregation: type => exporter.selectAggregation(type),
};
const reader = new PeriodicExportingMetricReader({exporter: counting, exportIntervalMillis: 100, exportTimeoutMillis: 100});
const provider = new MeterProvider({readers: [reader]});
provider.getMeter('m').createObservableGauge('number').addCallback(result => result.observe(++exports_, {room: 'a'}));
process.stdin.resume();
process.stdin.on('end', () => provider.shutdown().then(() => process.exit(0)));
