// vectors.rs - blocks that Rust's library asks for, on behalf of these lines.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::rc::Rc;

trait Shelf {
    fn fill(&mut self, n: usize);
}

struct Shop<T> {
    kept: Vec<T>,
    names: HashMap<usize, String>,
    prices: BTreeMap<usize, Rc<[u8; 3000]>>,
}

impl Shelf for Shop<Vec<u8>> {
    #[inline(never)]
    fn fill(&mut self, n: usize) {
        for i in 0..n {
            self.kept.push(vec![1u8; 20000 + i]);
            self.names.insert(i, "x".repeat(1000));
            self.prices.insert(i, Rc::new([7; 3000]));
        }
    }
}

#[inline(never)]
fn collect(n: usize) -> Vec<Box<[u8; 5000]>> {
    (0..n).map(|i| Box::new([i as u8; 5000])).collect()
}

#[inline(never)]
fn write<T: std::fmt::Debug>(what: &T) -> String {
    let mut text = String::new();
    write!(text, "{what:?}").unwrap();
    text
}

fn main() {
    let mut shop = Shop { kept: Vec::new(), names: HashMap::new(), prices: BTreeMap::new() };
    shop.fill(100);
    let boxes = collect(100);
    let thread = std::thread::spawn(move || write(&vec![12345u32; 10000]));
    let text = thread.join().unwrap();
    std::process::exit((text.len() + boxes.len() + shop.kept.len() < 100) as i32);
}
