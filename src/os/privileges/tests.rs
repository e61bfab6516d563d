use std::os::unix::fs::{MetadataExt, symlink};

use super::{Identity, hand_over_directory, is_root};

#[test]
fn links_and_second_names_are_left_alone() {
    if !is_root() {
        return; // Giving files away is root's; the daemon's tests say so too.
    }
    let folder = tempfile::tempdir().unwrap();
    let queue = folder.path().join("queue");
    let (outside, target) = (folder.path().join("outside"), folder.path().join("target"));
    std::fs::create_dir(&queue).unwrap();
    for file in [&outside, &target, &queue.join("qf1")] {
        std::fs::write(file, "x").unwrap();
    }
    symlink(&target, queue.join("link")).unwrap();
    std::fs::hard_link(&outside, queue.join("second")).unwrap();
    std::fs::create_dir(queue.join("inner")).unwrap();
    std::fs::write(queue.join("inner/df1"), "x").unwrap();
    let identity = Identity {
        name: "nobody".into(),
        uid: 65534,
        gid: 65534,
    };
    hand_over_directory(&queue, &identity).unwrap();
    let owner = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().uid();
    assert_eq!(owner(&queue), 65534);
    assert_eq!(owner(&queue.join("qf1")), 65534);
    assert_eq!(owner(&queue.join("inner/df1")), 65534);
    assert_eq!(owner(&target), 0, "through a link");
    assert_eq!(owner(&outside), 0, "by another name");
    let link = folder.path().join("queue-link");
    symlink(&queue, &link).unwrap();
    assert!(
        hand_over_directory(&link, &identity).is_err(),
        "a link is no directory"
    );
}
