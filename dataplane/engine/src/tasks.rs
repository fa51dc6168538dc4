//! Tasks that end with their owner.

use std::cell::RefCell;
use std::future::Future;

use runtime::Task;

/// Tasks of one owner, aborted when it is dropped.
#[derive(Default)]
pub struct TaskSet {
    tasks: RefCell<Vec<Task>>,
}

impl TaskSet {
    pub fn new() -> TaskSet {
        TaskSet::default()
    }

    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let task = runtime::spawn(work);
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    pub fn abort(&self) {
        for task in self.tasks.borrow_mut().drain(..) {
            task.abort();
        }
    }
}

impl Drop for TaskSet {
    fn drop(&mut self) {
        self.abort();
    }
}
