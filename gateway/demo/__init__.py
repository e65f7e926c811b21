"""A network of hubs on this machine: for the demonstration, the benchmarks and the scenario tests."""
