//! What large requests cost in memory: the highest resident size while one runs, above what it is when nothing does.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;

use super::field::Field;
use crate::{Run, servers};

/// MiB above idle.
pub struct Memory {
    pub read_mib: f64,
    pub insert_mib: f64,
}

pub fn measure(run: &Run, field: &Field) -> anyhow::Result<Memory> {
    let read_mib = peak(field, || {
        let path = format!("/rest/v1/products?limit={}", run.rows);
        let reply = servers::answer(field.transom.port, "GET", &path, Some(&field.token), "")?;
        let rows = reply.matches("\"category_id\"").count();
        ensure!(rows == run.rows as usize, "{rows} rows: {}", reply.chars().take(300).collect::<String>());
        Ok(())
    })?;
    let row = r#"{"product_id":1,"kind":"viewed","amount":1.5,"note":"nothing to say"}"#;
    let body = format!("[{}]", vec![row; 100_000].join(","));
    let insert_mib = peak(field, || {
        let reply =
            servers::answer(field.transom.port, "POST", "/rest/v1/events", Some(&field.token), &body)?;
        ensure!(reply.starts_with("HTTP/1.1 201"), "{}", reply.chars().take(300).collect::<String>());
        Ok(())
    })?;
    Ok(Memory { read_mib, insert_mib })
}

fn peak(field: &Field, run: impl FnOnce() -> anyhow::Result<()> + Send) -> anyhow::Result<f64> {
    let idle = field.transom.resident_mib()?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = idle;
            while !over.load(Ordering::Relaxed) {
                most = field.transom.resident_mib().map_or(most, |now| now.max(most));
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            most
        });
        let done = run();
        over.store(true, Ordering::Relaxed);
        let most = watch.join().map_err(|_| anyhow::anyhow!("the watch ended early"))?;
        done.map(|()| most - idle)
    })
}
