/** Properties of an environment that alerts depend on, besides metrics. */
export interface AlertOptions {
  /** Servers of Redis that this stack runs; with more than one, as many Sentinels; 0 where another team runs Redis. */
  readonly redisServers: number;
  /** Age of the newest copy of Redis that raises an alert, in hours; null where no copies are made. */
  readonly backupHours: number | null;
  /** Series that Prometheus may hold. */
  readonly seriesBudget: number;
  /** Whether this stack runs the edge (Traefik). */
  readonly hasEdge: boolean;
  /** Whether this stack runs a collector of traces. */
  readonly hasCollector: boolean;
  /** Fewest replicas of the service. */
  readonly replicas: number;
  /** Limit of CPU of one replica, in cores. */
  readonly cpuCores: number;
  /** Limit of memory of one replica, in MiB. */
  readonly memoryMib: number;
}

/** An environment that has every alert. */
export const allAlerts: Omit<AlertOptions, 'seriesBudget'> = {
  redisServers: 3,
  backupHours: 3,
  hasEdge: true,
  hasCollector: true,
  replicas: 2,
  cpuCores: 1,
  memoryMib: 256,
};
