//! Metric and label names: what is valid, and the schemes that make others fit.
